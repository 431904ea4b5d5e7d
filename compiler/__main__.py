"""`python -m compiler` is `landform`."""

from compiler.cli import main

if __name__ == "__main__":
    main()
