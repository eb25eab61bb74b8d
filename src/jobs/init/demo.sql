-- The database of the sample site: the tables of a Django project as far as maint uses them.
-- {today} is the day on which the site is made, {in 30 days} and {HOURS h ago} are counted from then.
CREATE TABLE authentication_user (
    id integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    username varchar(150) NOT NULL UNIQUE,
    is_superuser bool NOT NULL
);
CREATE TABLE backup_manager_backuphistory (
    id integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    backup_name varchar(200) NOT NULL,
    status varchar(20) NOT NULL,
    backup_type varchar(20) NOT NULL,
    file_path varchar(500) NOT NULL,
    file_size bigint NULL,
    checksum varchar(64) NOT NULL,
    started_at datetime NULL,
    completed_at datetime NULL,
    duration_seconds integer NULL,
    log_data text NOT NULL,
    error_message text NOT NULL,
    created_at datetime NOT NULL,
    created_by_id bigint NOT NULL REFERENCES authentication_user (id)
);
CREATE TABLE backup_manager_restorehistory (
    id integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    restore_name varchar(200) NOT NULL,
    status varchar(20) NOT NULL,
    started_at datetime NULL,
    completed_at datetime NULL,
    duration_seconds integer NULL,
    error_message text NOT NULL,
    created_at datetime NOT NULL,
    backup_source_id bigint NOT NULL REFERENCES backup_manager_backuphistory (id),
    created_by_id bigint NOT NULL REFERENCES authentication_user (id)
);
CREATE TABLE database_dynamictable (
    id integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    slug varchar(64) NOT NULL UNIQUE
);
CREATE TABLE database_dynamicfield (
    id integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    slug varchar(64) NOT NULL,
    table_id bigint NOT NULL REFERENCES database_dynamictable (id)
);
CREATE TABLE database_dynamicrecord (
    id integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    updated_at datetime NOT NULL,
    is_active bool NOT NULL,
    discord_start_notified bool NOT NULL,
    discord_end_notified bool NOT NULL,
    table_id bigint NOT NULL REFERENCES database_dynamictable (id)
);
CREATE TABLE database_dynamicvalue (
    id integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    value text NOT NULL,
    field_id bigint NOT NULL REFERENCES database_dynamicfield (id),
    record_id bigint NOT NULL REFERENCES database_dynamicrecord (id),
    UNIQUE (record_id, field_id)
);

INSERT INTO authentication_user (username, is_superuser) VALUES ('camille', 1);

INSERT INTO backup_manager_backuphistory
    (backup_name, status, backup_type, file_path, checksum, started_at, completed_at, log_data, error_message,
     created_at, created_by_id)
VALUES
    ('lundi', 'completed', 'full', 'storage/lundi.zip', '', '{30 h ago}', '{29 h ago}', '{}', '', '{30 h ago}', 1),
    ('mardi', 'completed', 'full', 'storage/mardi.zip', '', '{20 h ago}', '{19 h ago}', '{}', '', '{20 h ago}', 1),
    ('bloquée', 'running', 'full', '', '', '{9 h ago}', NULL, '{}', '', '{9 h ago}', 1),
    ('en cours', 'running', 'full', '', '', '{1 h ago}', NULL, '{}', '', '{1 h ago}', 1);
INSERT INTO backup_manager_restorehistory
    (restore_name, status, started_at, error_message, created_at, backup_source_id, created_by_id)
VALUES ('essai', 'pending', NULL, '', '{12 h ago}', 1, 1);

INSERT INTO database_dynamictable (slug) VALUES ('devis');
INSERT INTO database_dynamicfield (slug, table_id) VALUES
    ('numero_devis', 1), ('montant', 1), ('statut', 1), ('date_debut', 1), ('date_rendu', 1), ('agent_plateforme', 1);
INSERT INTO database_dynamicrecord (updated_at, is_active, discord_start_notified, discord_end_notified, table_id)
VALUES ('{3 h ago}', 1, 0, 0, 1), ('{2 h ago}', 1, 1, 0, 1);
INSERT INTO database_dynamicvalue (record_id, field_id, value) VALUES
    (1, 1, 'D-041'), (1, 2, '1840.5'), (1, 3, 'True'), (1, 4, '{today}'), (1, 5, '{in 30 days}'), (1, 6, 'Camille Roux'),
    (2, 1, 'D-038'), (2, 2, '620'), (2, 3, 'True'), (2, 4, '2026-01-05'), (2, 5, '{today}'), (2, 6, '');
