"""The part of `make bench` that needs a database: rebuild-paths and cleanup-stuck beside row-by-row Python and Django.

The schema is that of the Cochin project manager, as far as the two commands touch it.
"""

import os
import shutil
import sqlite3
import subprocess

FILES, ROWS = 195_000, 200_000  # 190,000 of them agree
STUCK_ROWS = 1_000_000  # one in a hundred is stuck

SCHEMA = """
CREATE TABLE authentication_user (id integer NOT NULL PRIMARY KEY AUTOINCREMENT, username varchar(150) NOT NULL UNIQUE,
    is_superuser bool NOT NULL);
CREATE TABLE backup_manager_backuphistory (id integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    backup_name varchar(200) NOT NULL, status varchar(20) NOT NULL, backup_type varchar(20) NOT NULL,
    file_path varchar(500) NOT NULL, file_size bigint NULL, checksum varchar(64) NOT NULL,
    tables_count integer unsigned NULL, records_count integer unsigned NULL, files_count integer unsigned NULL,
    started_at datetime NULL, completed_at datetime NULL, duration_seconds integer unsigned NULL,
    log_data text NOT NULL CHECK (json_valid(log_data)), error_message text NOT NULL, created_at datetime NOT NULL,
    configuration_id bigint NULL,
    created_by_id bigint NOT NULL REFERENCES authentication_user (id) DEFERRABLE INITIALLY DEFERRED);
CREATE INDEX b1 ON backup_manager_backuphistory (status);
CREATE INDEX b2 ON backup_manager_backuphistory (backup_type);
CREATE INDEX b3 ON backup_manager_backuphistory (started_at);
CREATE INDEX b4 ON backup_manager_backuphistory (created_at);
CREATE INDEX b5 ON backup_manager_backuphistory (configuration_id);
CREATE INDEX b6 ON backup_manager_backuphistory (created_by_id);
CREATE INDEX b7 ON backup_manager_backuphistory (status, created_at);
CREATE INDEX b8 ON backup_manager_backuphistory (backup_type, status);
CREATE INDEX b9 ON backup_manager_backuphistory (created_by_id, status);
CREATE TABLE backup_manager_restorehistory (id integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    restore_name varchar(200) NOT NULL, restore_type varchar(20) NOT NULL, status varchar(20) NOT NULL,
    restore_options text NOT NULL, tables_restored integer unsigned NULL, records_restored integer unsigned NULL,
    files_restored integer unsigned NULL, started_at datetime NULL, completed_at datetime NULL,
    duration_seconds integer unsigned NULL, log_data text NOT NULL, error_message text NOT NULL,
    created_at datetime NOT NULL,
    backup_source_id bigint NOT NULL REFERENCES backup_manager_backuphistory (id) DEFERRABLE INITIALLY DEFERRED,
    created_by_id bigint NOT NULL REFERENCES authentication_user (id) DEFERRABLE INITIALLY DEFERRED);
CREATE INDEX r1 ON backup_manager_restorehistory (status);
CREATE INDEX r2 ON backup_manager_restorehistory (started_at);
INSERT INTO authentication_user VALUES (1, 'admin', 1);
"""

CONFIG = '[site]\nname = "bench"\n[state]\ndir = "state"\n[databases.app]\nurl = "sqlite:db.sqlite3"\n'

# One pass over the tree, a dictionary, and a statement for each row, all in one transaction.
REBUILD_BY_ROW = """
import hashlib, os, sqlite3
connection = sqlite3.connect("db.sqlite3")
files = set()
for folder, _, names in os.walk("backups/storage"):
    for name in names:
        if os.path.splitext(name)[1] in (".zip", ".enc", ".backup"):
            files.add(os.path.relpath(os.path.join(folder, name), "backups"))
known = set()
for id, path in connection.execute("SELECT id, file_path FROM backup_manager_backuphistory").fetchall():
    known.add(path)
    if not os.path.exists(os.path.join("backups", path)):
        connection.execute("UPDATE backup_manager_backuphistory SET status = 'file_missing', error_message = ?"
            " WHERE id = ?", ("Fichier physique non trouvé: " + path, id))
now = "2026-11-20 15:02:26"
for path in sorted(files - known):
    with open(os.path.join("backups", path), "rb") as file:
        content = file.read()
    connection.execute("INSERT INTO backup_manager_backuphistory (backup_name, status, backup_type, file_path, file_size,"
        " checksum, started_at, completed_at, duration_seconds, log_data, error_message, created_at, created_by_id)"
        " VALUES (?, 'completed', 'full', ?, ?, ?, ?, ?, 0, '{}', '', ?, 1)",
        ("Sauvegarde_Orpheline_" + path, path, len(content), hashlib.sha256(content).hexdigest(), now, now, now))
connection.commit()
"""

STUCK_BY_ROW = """
import sqlite3
connection = sqlite3.connect("db.sqlite3")
for table in ("backup_manager_backuphistory", "backup_manager_restorehistory"):
    stuck = connection.execute(f"SELECT id FROM {table} WHERE status IN ('running', 'pending') AND started_at < ?",
        ("2026-11-20 09:02:26",)).fetchall()
    for (id,) in stuck:
        connection.execute(f"UPDATE {table} SET status = 'failed', completed_at = '2026-11-20 15:02:26',"
            " duration_seconds = 43200, error_message = 'Opération automatiquement marquée comme échouée après"
            " 6 heure(s)' WHERE id = ?", (id,))
connection.commit()
"""

DJANGO_MODELS = """
from django.conf import settings
from django.db import models

class User(models.Model):
    username = models.CharField(max_length=150)
    is_superuser = models.BooleanField()
    class Meta:
        app_label, db_table, managed = "bench", "authentication_user", False

class Operation(models.Model):
    status = models.CharField(max_length=20)
    started_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    duration_seconds = models.PositiveIntegerField(null=True)
    log_data = models.JSONField(default=dict)
    error_message = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    class Meta:
        abstract = True
    def save(self, *args, **options):
        if self.started_at and self.completed_at and not self.duration_seconds:
            self.duration_seconds = int((self.completed_at - self.started_at).total_seconds())
        super().save(*args, **options)

class Backup(Operation):
    backup_name = models.CharField(max_length=200)
    backup_type = models.CharField(max_length=20)
    file_path = models.CharField(max_length=500, blank=True)
    file_size = models.BigIntegerField(null=True)
    checksum = models.CharField(max_length=64, blank=True)
    tables_count = models.PositiveIntegerField(null=True)
    records_count = models.PositiveIntegerField(null=True)
    files_count = models.PositiveIntegerField(null=True)
    configuration_id = models.BigIntegerField(null=True)
    class Meta:
        app_label, db_table, managed = "bench", "backup_manager_backuphistory", False

class Restore(Operation):
    restore_name = models.CharField(max_length=200)
    class Meta:
        app_label, db_table, managed = "bench", "backup_manager_restorehistory", False
"""

DJANGO_START = """
import datetime, hashlib, os, sys
from pathlib import Path
import django
from django.conf import settings
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
settings.configure(SECRET_KEY="bench", USE_TZ=True, INSTALLED_APPS=["bench"], DATABASES={"default":
    {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}})
django.setup()
from bench.models import Backup, Restore, User
from django.db import transaction
from django.utils import timezone
"""

REBUILD_DJANGO = DJANGO_START + """
with transaction.atomic():
    root = Path("backups")
    user = User.objects.filter(is_superuser=True).first()
    files = {str(path.relative_to(root)) for path in (root / "storage").rglob("*")
        if path.is_file() and path.suffix in (".zip", ".enc", ".backup")}
    known, lost = set(), []
    for backup in Backup.objects.all():
        if backup.file_path:
            known.add(backup.file_path)
            if not (root / backup.file_path).exists():
                lost.append(backup)
    for name in files - known:
        path = root / name
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        Backup.objects.create(backup_name="Sauvegarde_Orpheline_" + path.stem, backup_type="full", status="completed",
            file_path=name, file_size=path.stat().st_size, checksum=digest, started_at=timezone.now(),
            completed_at=timezone.now(), created_by=user)
    for backup in lost:
        backup.status, backup.error_message = "file_missing", "Fichier physique non trouvé: " + backup.file_path
        backup.save(update_fields=["status", "error_message"])
"""

STUCK_DJANGO = DJANGO_START + """
before = datetime.datetime(2026, 11, 20, 9, 2, 26, tzinfo=datetime.timezone.utc)
with transaction.atomic():
    for model in (Backup, Restore):
        for operation in model.objects.filter(status__in=["running", "pending"], started_at__lt=before):
            operation.status, operation.completed_at = "failed", timezone.now()
            operation.error_message = "Opération automatiquement marquée comme échouée après 6 heure(s)"
            operation.save()
"""


def path_of(number, kind):
    return f"storage/{number % 1000:03}/{kind}_quotidienne_{number:06}.zip"


def make_rebuild(base):
    """195,000 files and 200,000 records: 5,000 files without a record, 10,000 records without a file."""
    for folder in range(1000):
        os.makedirs(os.path.join(base, f"backups/storage/{folder:03}"))
    agreeing = [path_of(number, "sauvegarde") for number in range(190_000)]
    orphans = [path_of(number, "orpheline") for number in range(FILES - 190_000)]
    lost = [path_of(number, "perdue") for number in range(ROWS - 190_000)]
    for path in agreeing + orphans:
        with open(os.path.join(base, "backups", path), "w") as file:
            file.write(path)
    connection = sqlite3.connect(os.path.join(base, "pristine.sqlite3"))
    connection.executescript(SCHEMA)
    connection.executemany(
        "INSERT INTO backup_manager_backuphistory (backup_name, status, backup_type, file_path, file_size, checksum,"
        " started_at, completed_at, duration_seconds, log_data, error_message, created_at, created_by_id) VALUES"
        " (?, 'completed', 'full', ?, 5, '', '2026-11-18 15:02:26.894704', '2026-11-18 16:02:26.894704', 3600, '{}',"
        " '', '2026-11-20 15:02:26.896276', 1)",
        ((os.path.basename(path), path) for path in agreeing + lost),
    )
    connection.commit()
    connection.close()


def make_stuck(base):
    """A million operations, of which one in a hundred has been running for twelve hours."""
    connection = sqlite3.connect(os.path.join(base, "pristine.sqlite3"))
    connection.executescript(SCHEMA)
    rows = (
        (f"sauvegarde{number}", "running" if number % 100 == 0 else "completed", "2026-11-20 03:02:26.894704")
        for number in range(STUCK_ROWS)
    )
    connection.executemany(
        "INSERT INTO backup_manager_backuphistory (backup_name, status, backup_type, file_path, checksum, started_at,"
        " log_data, error_message, created_at, created_by_id) VALUES (?, ?, 'full', '', '', ?, '{}', '',"
        " '2026-11-20 03:02:26.896276', 1)",
        rows,
    )
    connection.commit()
    connection.close()


def make_django(base, python, title):
    """A Python that has Django; None where pip cannot get it."""
    subprocess.run([python, "-m", "venv", os.path.join(base, "venv")], check=True)
    own = os.path.join(base, "venv", "bin", "python")
    if subprocess.run([own, "-m", "pip", "install", "--quiet", "django"]).returncode != 0:
        print(f"| {title} | Django (pip cannot get it) | | | |")
        return None
    os.makedirs(os.path.join(base, "bench"))
    for name, text in [("bench/__init__.py", ""), ("bench/models.py", DJANGO_MODELS),
                       ("rebuild.py", REBUILD_DJANGO), ("stuck.py", STUCK_DJANGO)]:
        with open(os.path.join(base, name), "w") as file:
            file.write(text)
    return own


def run(part, maint, base, python, compare, runs, environment):
    """Measures one part in a folder of its own; what Django does counts as 1.00."""
    base = os.path.join(base, part)
    os.makedirs(base)
    with open(os.path.join(base, "maint.toml"), "w") as file:
        file.write(CONFIG)
    here = os.getcwd()
    os.chdir(base)

    def prepare():
        shutil.copyfile("pristine.sqlite3", "db.sqlite3")
        os.sync()

    if part == "rebuild":
        title = f"rebuild: {FILES:,} files, {ROWS:,} records, 5 % drift"
        make_rebuild(base)
        contestants = [("maint rebuild-paths", [maint, "rebuild-paths", "--force"]),
                       ("python, row by row", [python, "-c", REBUILD_BY_ROW])]
    else:
        title = f"stuck: {STUCK_ROWS:,} operations, {STUCK_ROWS // 100:,} of them stuck"
        make_stuck(base)
        contestants = [("maint cleanup-stuck", [maint, "cleanup-stuck", "--force"]),
                       ("python, row by row", [python, "-c", STUCK_BY_ROW])]
    django = make_django(base, python, title)
    if django:
        contestants.append(("Django, one transaction", [django, os.path.join(base, f"{part}.py")]))
    compare(title, contestants, runs, {**environment, "MAINT_NOW": "2026-11-20T15:02:26Z"}, prepare)
    os.chdir(here)
    shutil.rmtree(base)
