-- What all apps and machines know together of the hosts that they ask. In host_limits: when the next request to a host may go, and
-- until when it asks to be left alone. In proxy_health: how often in a row a proxy failed (host is empty), or was refused by a host,
-- and when it may be tried again. In proxy_rests: when a proxy may ask a root domain again
CREATE TABLE host_limits (
    host TEXT NOT NULL PRIMARY KEY,
    next_at TIMESTAMP NOT NULL,
    alone_until TIMESTAMP NULL
);

CREATE TABLE proxy_health (
    proxy TEXT NOT NULL,
    host TEXT NOT NULL,
    strikes BIGINT NOT NULL,
    free_at TIMESTAMP NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (proxy, host)
);

CREATE TABLE proxy_rests (
    domain TEXT NOT NULL,
    proxy TEXT NOT NULL,
    free_at TIMESTAMP NOT NULL,
    PRIMARY KEY (domain, proxy)
);
