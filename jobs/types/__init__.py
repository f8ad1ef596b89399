"""The job types that come with Onsite, one TOML file each. Holds no code: `jobs.job_types` reads them."""
