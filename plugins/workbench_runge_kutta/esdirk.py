"""Diagonally implicit methods with an explicit first stage, of orders 2 and 3, with algebraic coefficients."""

from workbench.engine import Tableau

# coefficients are laid out as tables
# fmt: off

_D = "0.2928932188134524755991556378951509607152"  # γ/2 with γ = 2 − √2
_W = "0.3535533905932737622004221810524245196424"  # √2/4

TRBDF2 = Tableau(
    name="trbdf2", order=2, order_low=3, digits=40,
    c=["0", "0.5857864376269049511983112757903019214303", "1"],  # γ
    a=[
        ["0"],
        [_D, _D],
        [_W, _W, _D],
    ],
    b=[_W, _W, _D],
    b_low=[
        "0.2154822031355754125998592729825251601192",  # (1 − √2/4)/3
        "0.6868867239266070955337555143857578529758",  # (3√2/4 + 1)/3
        "0.0976310729378174918663852126317169869051",  # γ/6
    ],
    summary="trapezoidal rule and backward differences in one step, L-stable of order 2, for stiff problems",
    source="Bank et al. (1985), IEEE Trans. Electron Devices 32, 1992–2007; Hosea & Shampine (1996), Appl. Numer. Math."
    " 20, 21–37",
)

_G = "0.4358665215084589994160194511935568425293"  # γ, the middle root of 6x³ − 18x² + 9x − 1
_LOW = [
    "0.4905633884217805706284679584665446902307",  # (−4γ² + 6γ − 1)/(4γ)
    "0.0735700900697604299555125903398984672400",  # (1 − 2γ)/(4γ)
    _G,
]
_HIGH = [
    "0.3088099699767465233481624698867005109200",  # (6γ − 1)/(12γ)
    "1.4905633884217805706284679584665446902307",  # 1/(12γ (1 − 2γ))
    "-1.2352398799069860933926498795468020436800",  # (6γ² − 6γ + 1)/(3 − 6γ)
    _G,
]

KVAERNO3 = Tableau(
    name="kvaerno3", order=3, order_low=2, digits=40,
    c=["0", "0.8717330430169179988320389023871136850586", "1", "1"],  # 2γ
    a=[
        ["0"],
        [_G, _G],
        _LOW,
        _HIGH,
    ],
    b=_HIGH,
    b_low=[*_LOW, "0"],
    summary="L-stable of orders 3 and 2, for stiff problems",
    source="Kværnø (2004), BIT Numer. Math. 44, 489–502",
)
