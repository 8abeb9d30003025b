# A small image of the service. Migrations are a step of their own: run this image with `lava migrate` first.
# How these steps were checked where no container engine runs: docs/operations.md.

FROM python:3.12-slim AS packages
COPY requirements.txt /tmp/requirements.txt
# The packages go into a virtual environment without pip; every file is held to its hash.
RUN python -m venv --without-pip /opt/lava \
 && pip --python /opt/lava/bin/python install --no-cache-dir --disable-pip-version-check \
        --require-hashes --only-binary :all: -r /tmp/requirements.txt
# The command `lava`, as an installed project would have it; the code itself is not installed but lies in /srv/lava.
RUN printf '#!/opt/lava/bin/python\nfrom app.cli import app\n\napp()\n' > /opt/lava/bin/lava \
 && chmod 755 /opt/lava/bin/lava

FROM python:3.12-slim
COPY --from=packages /opt/lava /opt/lava
# app/schema.py looks for alembic.ini beside the folder app, and alembic.ini for migrations beside itself.
COPY alembic.ini /srv/lava/alembic.ini
COPY migrations /srv/lava/migrations
COPY app /srv/lava/app
RUN /opt/lava/bin/python -m compileall -q /srv/lava \
 && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin lava \
 && install --directory --owner=lava --mode=0700 /data

ENV PATH="/opt/lava/bin:$PATH" \
    PYTHONPATH=/srv/lava \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    LAVA_HOST=0.0.0.0 \
    LAVA_DATABASE_URL=sqlite:////data/lava.db \
    LAVA_ATTACHMENTS_FOLDER=/data/attachments
WORKDIR /srv/lava
USER 10001
EXPOSE 8000

HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f\"http://127.0.0.1:{os.environ.get('LAVA_PORT', '8000')}/readyz\", timeout=4)"]

CMD ["lava", "serve"]
