"""Set-up of the end-to-end tests. BUILD names the build to test (default: build/ of this checkout)."""

import subprocess

import pytest

pytest.register_assert_rewrite("tracing")

import layout  # noqa: E402
import tracing  # noqa: E402  (its asserts are rewritten only if imported after the line above)

from programs import NO_32_BIT, PROGRAMS32, PROGRAMS64  # noqa: E402

FOREIGN_SETUP = tracing.ROOT / "tests" / "setup" / "foreign.sh"
CLASSES = [PROGRAMS32, PROGRAMS64]

layout.apply()


@pytest.fixture(scope="session", autouse=True)
def built():
    """Says what to do where the tool or the programs to trace are not there, once and not in every test."""
    for path in (tracing.TOOL, *(p.labs / "map3" for p in CLASSES), *(p.victims / "pool" for p in CLASSES)):
        if not path.exists():
            pytest.exit(f"{path} is missing: run 'make all labs victims' first", returncode=2)


@pytest.fixture(scope="session", params=CLASSES, ids=lambda programs: str(programs.bits))
def programs(request):
    """The programs to trace: every test that asks for them runs with 32-bit and with 64-bit ones."""
    if not request.param.run_here:
        pytest.skip(NO_32_BIT)
    return request.param


@pytest.fixture(scope="session")
def foreign(programs):
    """{name: (path, environment)} of the programs that foreign.sh brings."""
    directory = tracing.BUILD / "foreign"
    done = subprocess.run([FOREIGN_SETUP, directory], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=900)
    if done.returncode != 0:
        assert "could not fetch" in done.stdout or "needs apt-get" in done.stdout, done.stdout
        pytest.skip(f"no registry to fetch foreign programs from: {done.stdout.splitlines()[-1]}")
    found = {}
    for line in programs.foreign.read_text().splitlines():
        name, path, *variables = line.split("\t")
        found[name] = path, dict(variable.split("=", 1) for variable in variables)
    return found
