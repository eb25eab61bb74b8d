
-- Five job sheets, as the fiches métiers keep them.
CREATE TABLE fiches_metiers (
    id INTEGER PRIMARY KEY,
    code_rome VARCHAR(10) NOT NULL UNIQUE,
    nom_masculin VARCHAR(255) NOT NULL,
    nom_feminin VARCHAR(255) NOT NULL,
    nom_epicene VARCHAR(255) NOT NULL,
    description TEXT,
    description_courte VARCHAR(500),
    competences JSON,
    competences_transversales JSON,
    formations JSON,
    certifications JSON,
    conditions_travail JSON,
    environnements JSON,
    secteurs_activite JSON,
    salaires JSON,
    perspectives JSON,
    statut VARCHAR(20),
    version INTEGER,
    date_maj DATETIME,
    auteur VARCHAR(100)
);
CREATE TABLE audit_log (
    id INTEGER PRIMARY KEY,
    timestamp DATETIME,
    type_evenement VARCHAR(30) NOT NULL,
    code_rome VARCHAR(10),
    agent VARCHAR(50) NOT NULL,
    description TEXT NOT NULL,
    donnees_avant TEXT,
    donnees_apres TEXT,
    validateur VARCHAR(100)
);
INSERT INTO fiches_metiers (code_rome, nom_masculin, nom_feminin, nom_epicene, description, competences, secteurs_activite, statut, version, date_maj, auteur) VALUES
    ('D1102', 'Boulanger', 'Boulangère', 'Boulanger·ère', 'Fabrique et vend du pain.', '["P\u00e9trir la p\u00e2te"]', '["Artisanat", "Commerce alimentaire"]', 'publiee', 1, '2026-01-30 09:00:00.000000', 'Import'),
    ('H2301', 'Opérateur chimiste', 'Opératrice chimiste', 'Personnel d''opération chimique', NULL, '[]', '["Chimie"]', 'publiee', 1, '2026-01-30 09:00:00.000000', 'Import'),
    ('J1506', 'Infirmier', 'Infirmière', 'Infirmier·ère', 'Soigne et accompagne les malades.', '["Soins techniques"]', '["Santé"]', 'publiee', 3, '2026-05-02 10:12:00.000000', 'Claire'),
    ('M1805', 'Développeur informatique', 'Développeuse informatique', 'Développeur·euse informatique', 'Écrit des programmes.', '[]', '["Numérique"]', 'publiee', 2, '2026-04-01 02:00:03.000000', 'AgentRedacteurFiche'),
    ('N4101', 'Conducteur routier', 'Conductrice routière', 'Personnel de conduite routière', 'Conduit un camion.', '[]', '["Transport"]', 'publiee', 1, '2026-01-30 09:00:00.000000', 'Import');
INSERT INTO audit_log (timestamp, type_evenement, code_rome, agent, description) VALUES
    ('2026-01-30 09:00:00.000000', 'creation', NULL, 'Import', 'Cinq fiches importées');
