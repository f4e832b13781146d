"""The report: executing the notebooks, tables from runs, HTML and PDF."""
