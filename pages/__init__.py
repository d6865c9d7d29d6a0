"""All that imports streamlit."""
