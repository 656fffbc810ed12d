"""The style of the pages in a real browser: what is wide scrolls within itself, and looks it, in both schemes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

PAGE = """<!doctype html><style>
body {{ margin: 0; --color-background-primary: #fff; --color-code-background: #eee; --color-foreground-primary: #000; }}
article {{ max-width: 740px; }} .table-wrapper, .highlight pre {{ overflow-x: auto; }} img {{ max-width: 100%; }}
td {{ padding: 0 1rem; }}
{style}</style><body data-theme="{scheme}"><article style="width: {width}px">
<div class="table-wrapper"><table><tr>{heads}</tr><tr>{cells}</tr></table></div>
<div class="highlight"><pre>{code}</pre></div>
<p><img src="wide.svg"></p>
</article><pre id="out"></pre><script>
const style = e => getComputedStyle(e), $ = name => document.querySelector(name);
onload = () => {{ $("#out").textContent = JSON.stringify({{
  page: $("article").scrollWidth, image: $("img").getBoundingClientRect().width,
  font: parseFloat(style($("table")).fontSize), number: style($("td")).whiteSpace,
  paper: style($("p")).backgroundColor,
  shadowed: [".table-wrapper", ".highlight pre", "p"].map(name => style($(name)).backgroundAttachment) }}); }};
</script></body>"""
WIDE = '<svg xmlns="http://www.w3.org/2000/svg" width="900" height="50"><text y="20">{text}</text></svg>'


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on the PATH")
@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (360, "light"), (1440, "light")])
def test_wide_parts_of_a_page_scroll_within_themselves_and_look_it(width: int, scheme: str, tmp_path: Path) -> None:
    style = (ROOT / "docs" / "_static" / "pages.css").read_text(encoding="utf-8")
    heads = "".join(f"<th>column {i}</th>" for i in range(12))
    cells = '<td class="text-right">2.4e-06</td>' * 12
    text = PAGE.format(style=style, scheme=scheme, width=width, heads=heads, cells=cells, code="x = 1; " * 200)
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    (tmp_path / "wide.svg").write_text(WIDE.format(text="error"), encoding="utf-8")
    assert BROWSER is not None
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", "--virtual-time-budget=2000"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={max(width, 500)},800"]
    answer = subprocess.run([*command, (tmp_path / "page.html").as_uri()], capture_output=True, text=True, timeout=120)
    shown = re.search(r'<pre id="out">(.+?)</pre>', answer.stdout, re.DOTALL)
    assert shown is not None, answer.stderr[-2000:]
    seen = json.loads(shown[1])
    assert seen["page"] <= min(width, 740), "the page itself scrolls sideways"
    assert round(seen["image"]) == (900 if width < 700 else 740)  # on a phone letters keep their size
    assert seen["number"] == "nowrap"
    assert seen["font"] == 13  # of many columns, in smaller type
    assert seen["paper"] == "rgb(255, 255, 255)"  # figures are drawn on white
    assert all("local" in one and "scroll" in one for one in seen["shadowed"])
