"""What a page of Streamlit costs at least: one chart, nothing of ours. bench_opening.py opens it beside our pages."""

import plotly.graph_objects as go
import streamlit as st

st.plotly_chart(go.Figure(go.Scatter(y=[1, 3, 2, 4])))
