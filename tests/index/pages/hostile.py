"""READMEs that try something."""

from __future__ import annotations

TITLE = "document.title='it-ran'"
MARKDOWN = f"""
# A heading

<script>{TITLE}</script>
<img src="x" onerror="{TITLE}"> <img src="https://example.com/pixel.png" alt="a pixel">
<svg onload="{TITLE}"><script>{TITLE}</script><a xlink:href="javascript:{TITLE}">x</a></svg>
<math><mtext><table><mglyph><style><img src=x onerror="{TITLE}"></style></mglyph></table></mtext></math>
[one](javascript:{TITLE}) [two](JaVaScRiPt:{TITLE}) [three](data:text/html,<script>{TITLE}</script>)
[four](vbscript:x) [five](//example.com/x) [six](docs/more.md) [seven](https://example.com/fine)
![data](data:image/png;base64,AAAA) <a href="&#106;avascript:{TITLE}">eight</a> <a href=" javascript:{TITLE}">nine</a>
<base href="https://example.com/"> <meta http-equiv="refresh" content="0;url=https://example.com/">
<form action="https://example.com/"><input name="password"><input type="submit"><button formaction="javascript:{TITLE}">b</button></form>
<iframe srcdoc="<script>{TITLE}</script>"></iframe> <object data="x"></object> <embed src="x">
<style>body {{ display: none }}</style> <link rel="stylesheet" href="https://example.com/x.css">
<p style="position:fixed;inset:0" id="content" class="top" onclick="{TITLE}">styled</p>
<details ontoggle="{TITLE}" open>d</details> <video src=x onerror="{TITLE}"></video> <a name="readme">n</a>
<h1 id="releases">no second of this id</h1>
</div></section></main></body></html>

```html
<script>{TITLE}</script>
```

- [x] a task
- [ ] another

| a | b |
|---|--:|
| a-long-cell-that-has-no-place-to-break-a-long-cell-that-has-no-place-to-break | 2 |

[up](#a-heading) ![a badge](https://example.com/badge.svg)
[![linked](https://example.com/badge.svg)](https://example.com/build)
"""
RST_RAW = f".. raw:: html\n\n   <script>{TITLE}</script>\n"
RST_INCLUDE = ".. include:: /etc/passwd\n"
RST_FILE = ".. raw:: html\n   :file: /etc/passwd\n"
RST_TABLE = ".. csv-table:: x\n   :file: /etc/passwd\n"
RST_LINK = f"`click <javascript:{TITLE}>`_ and .. |x| image:: javascript:{TITLE}\n\n.. image:: https://example.com/pixel.png\n"
