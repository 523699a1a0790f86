"""A finished run in which every name, text and error was written to do harm."""

import json
from pathlib import Path

from langchain_tpo.evaluation.manifest import MANIFEST
from tests.support.hostile import ORDERS
from tests.unit_tests.evaluation.run_folders import folder_of, record_of, run_of

MARK = "document.documentElement.dataset.ran = 1"
"""What a script of the run would do, where one ran."""

BREAKS = (
    f"<script>{MARK}</script>",
    f"</title></style></svg><script>{MARK}</script>",
    f"--></text>]]><script>{MARK}</script>",
    f'" onmouseover="{MARK}" x="<img src=x onerror="{MARK}">',
    f"<svg onload='{MARK}'><iframe srcdoc='<script>top.{MARK}</script>'>",
    f'{{{{ 7 * 7 }}}}<meta http-equiv=refresh content="0;url=javascript:{MARK}">',
    "font: 10px #101213 url(#c9cbcc)",
)
"""Ways out of whatever a page may put a text into."""


def hostile_run(folder: Path) -> Path:
    """Write the run."""
    said = " ".join([*BREAKS, *ORDERS])
    systems = {f"{said} 1": "tpo", f"_{said}": "best-of-n", f"{said}\n2": "single"}
    records = []
    for system in systems:
        for number in range(4):
            run = run_of([[0.5, 0.1], [number / 2, 0.2]], answer=said, question=said)
            run["rounds"][0] |= {"textual_loss": said, "textual_gradient": said}
            run["stop_reason"] = said
            run["drops"] = [{"step": "update", "round": 1, "reason": said, "detail": said}]
            records.append(record_of(f"{said}{number}", system, run))
        failure = {"type": said, "message": said}
        records.append(record_of(f"{said} failed", system, failure=failure))
    written = folder_of(folder, records, systems)
    manifest = json.loads((written / MANIFEST).read_text())
    manifest |= {"model": said, "critic": said, "reward": said}
    manifest["dataset"]["source"] = said
    manifest["sittings"][0]["packages"] = {said: said}
    manifest["systems"][0]["settings"] = {"width": said, "depth": said, "prompts": said}
    (written / MANIFEST).write_text(json.dumps(manifest))
    return written
