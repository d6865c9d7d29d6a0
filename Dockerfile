# A Hugging Face Space, or any server: docker build -t lab . && docker run -p 8501:8501 lab
# For a GPU: docker build --build-arg TORCH=cuda -t lab . && docker run --gpus all -p 8501:8501 lab
FROM python:3.11-slim

RUN useradd --create-home --uid 1000 lab
USER lab
WORKDIR /home/lab/app
ENV PATH=/home/lab/.local/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1

# torch and torchvision come from one index, so that they match.
ARG TORCH=cpu
COPY --chown=lab requirements.txt .
RUN if [ "$TORCH" = cpu ]; then \
        grep '^torch' requirements.txt > torch.txt \
        && pip install --user -r torch.txt --index-url https://download.pytorch.org/whl/cpu; \
    fi \
    && pip install --user -r requirements.txt

COPY --chown=lab . .

# Smaller limits, because many people share it. A Space shows the app in a frame of another site, over HTTPS:
# there an upload works only with a cookie that may cross sites.
# One thread a run: two runs that share two cores take a third more steps so than with two threads each.
ENV LAB_HOSTED=1 \
    OMP_NUM_THREADS=1 \
    STREAMLIT_SERVER_XSRF_COOKIE_SAME_SITE=none

EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://localhost:8501/_stcore/health', timeout=4)"]
CMD ["streamlit", "run", "app.py", "--server.port", "8501", "--server.address", "0.0.0.0", "--server.headless", "true"]
