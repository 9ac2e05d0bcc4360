"""Has auditwheel confirm that a wheel is one for the platform named."""

import json
import subprocess
import sys

wheel, platform = sys.argv[1:]
# Nowhere: auditwheel would look at the libraries of this machine, whose libc.so may be no library at all.
command = ("auditwheel", "show", "--json", "--ldpaths", "/nonexistent", wheel)
done = subprocess.run(command, stdout=subprocess.PIPE)
if done.returncode:
    sys.exit(f"{wheel}: auditwheel makes nothing of it")
shown = json.loads(done.stdout)
# It knows musl under Alpine's name for it alone, while musl's loader takes itself for whatever is called libc.
libc = ["libc.so"] if platform.startswith("musllinux") else []
expected = {"pure": False, "sym_tag": platform, "external_libs": libc, "unsupported_isa": False}
actual = {key: list(shown[key]) if key == "external_libs" else shown[key] for key in expected}
if actual != expected:
    sys.exit(f"{wheel}: auditwheel says {actual}, not {expected}")
