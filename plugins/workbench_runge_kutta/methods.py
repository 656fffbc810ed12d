"""Every method of this family, by increasing order."""

from workbench.engine import RosenbrockTableau, Splitting, Tableau

from .classical import BOSH3, EULER, HEUN2, MIDPOINT, RALSTON, RK4, RK4_38
from .dop853 import DOP853
from .dormand_prince import DOPRI5
from .esdirk import KVAERNO3, TRBDF2
from .kennedy_carpenter import ESDIRK54
from .lang_verwer import ROS3P
from .leapfrog import LEAPFROG
from .radau import RADAU5
from .rodas import RODAS4, RODAS5P
from .tsitouras import TSIT5
from .verner import VERN7

METHODS: tuple[Tableau, ...] = (EULER, MIDPOINT, HEUN2, RALSTON, BOSH3, RK4, RK4_38, DOPRI5, TSIT5, VERN7, DOP853)
ROSENBROCK: tuple[RosenbrockTableau, ...] = (ROS3P, RODAS4, RODAS5P)
ESDIRK: tuple[Tableau, ...] = (TRBDF2, KVAERNO3, ESDIRK54)
RADAU: tuple[Tableau, ...] = (RADAU5,)
SPLITTING: tuple[Splitting, ...] = (LEAPFROG,)
SOLVERS: tuple[Tableau | RosenbrockTableau | Splitting, ...] = (*METHODS, *ESDIRK, *RADAU, *ROSENBROCK, *SPLITTING)
