"""What of the player needs no browser, under node's own test runner."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def test_the_modules_without_a_dom_pass_under_node():
    node = shutil.which("node")
    if node is None:
        assert not os.environ.get("CI"), "CI installs node"
        pytest.skip("no node on the PATH: install Node.js 20 or newer to test the player's modules")
    found = sorted(map(str, (ROOT / "tests" / "js").glob("*.test.mjs")))
    assert found
    done = subprocess.run([node, "--test", *found], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "# fail 0" in done.stdout or "ℹ fail 0" in done.stdout
