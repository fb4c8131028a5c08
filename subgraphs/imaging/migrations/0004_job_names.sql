-- The job has a name that says what it does; what waits goes on waiting under it.
UPDATE imaging.job_item SET job = 'remove bytes whose time has come' WHERE job = 'purge';
