//! `maint check export`: the checks and jobs of the site as rules for Prometheus and Grafana.

pub mod export;
