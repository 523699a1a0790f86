"""The paper's experiments on anyone's models: systems over examples, and a report on them.

Running needs nothing but the package; statistics, plots, reports and metrics need the extra
`evaluation`.
"""
