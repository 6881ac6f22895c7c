"""What pages share. Streamlit looks for pages only one level up, so nothing here becomes one."""
