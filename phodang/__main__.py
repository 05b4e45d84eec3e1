"""`python -m phodang`: the command line."""

import sys

from phodang.cli import main

if __name__ == "__main__":
    sys.exit(main())
