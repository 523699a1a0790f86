"""`python -m langchain_tpo` is `tpo`."""

from langchain_tpo.cli import main

if __name__ == "__main__":
    main()
