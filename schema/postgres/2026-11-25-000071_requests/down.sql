ALTER TABLE runtime DROP COLUMN captcha_ms;
ALTER TABLE runtime DROP COLUMN captcha_cost;
ALTER TABLE runtime DROP COLUMN captchas;
ALTER TABLE runtime DROP COLUMN http_p95_ms;
ALTER TABLE runtime DROP COLUMN http_mean_ms;
ALTER TABLE runtime DROP COLUMN http_errors;
ALTER TABLE runtime DROP COLUMN http_requests;
