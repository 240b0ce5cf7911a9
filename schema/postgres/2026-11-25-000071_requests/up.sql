-- What a run asked of others: requests, and captchas with their cost in the currency of the account
ALTER TABLE runtime ADD COLUMN http_requests BIGINT NOT NULL DEFAULT 0;
ALTER TABLE runtime ADD COLUMN http_errors BIGINT NOT NULL DEFAULT 0;
ALTER TABLE runtime ADD COLUMN http_mean_ms DOUBLE PRECISION NULL;
ALTER TABLE runtime ADD COLUMN http_p95_ms DOUBLE PRECISION NULL;
ALTER TABLE runtime ADD COLUMN captchas BIGINT NOT NULL DEFAULT 0;
ALTER TABLE runtime ADD COLUMN captcha_cost DOUBLE PRECISION NOT NULL DEFAULT 0;
ALTER TABLE runtime ADD COLUMN captcha_ms BIGINT NOT NULL DEFAULT 0;
