"""A fitted model in other languages: Python, C, torch, SymPy, LaTeX; its curves as CSV and netCDF."""

from .c_file import c_file as c_file
from .form import Form as Form
from .latex_file import latex_file as latex_file
from .python_file import python_file as python_file
from .sympy_file import sympy_file as sympy_file
from .tables import Curves as Curves
from .tables import csv_text as csv_text
from .tables import write_netcdf as write_netcdf
from .torch_file import torch_file as torch_file
