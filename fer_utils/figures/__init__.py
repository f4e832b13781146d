"""Figures: functions from arrays and tables to matplotlib figures; nothing is trained or saved."""
