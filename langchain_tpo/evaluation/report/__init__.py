"""What a run says in numbers, tables, plots and pages."""
