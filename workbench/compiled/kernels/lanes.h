/* How many trajectories a WIDE kernel follows side by side: a vector of the processor. */

#if WIDE && defined(__AVX512F__)
#define LANES (REAL_IS_DOUBLE ? 8 : 16)
#elif WIDE && defined(__AVX__)
#define LANES (REAL_IS_DOUBLE ? 4 : 8)
#elif WIDE
#define LANES (REAL_IS_DOUBLE ? 2 : 4)
#else
#define LANES 1
#endif
