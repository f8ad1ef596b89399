"""Run benchmarks by name, or all of them: `python -m benchmarks`, `python -m benchmarks field_year --slice 100`."""

import importlib
import pkgutil
import sys

import benchmarks


def main(arguments: list[str]) -> int:
    """Run the named benchmark with the other arguments, or each one without any; gives the worst exit status."""
    modules = {
        found.name: importlib.import_module(f"benchmarks.{found.name}")
        for found in pkgutil.iter_modules(benchmarks.__path__)
        if not found.name.startswith("_")
    }
    known = {name: module for name, module in modules.items() if hasattr(module, "main")}
    if not arguments:
        return max(int(module.main([])) for module in known.values())
    if arguments[0] not in known:
        sys.stderr.write(f"There is no benchmark {arguments[0]!r}; there are {', '.join(sorted(known))}.\n")
        return 2
    return int(known[arguments[0]].main(arguments[1:]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
