-- What all apps and machines know together of the hosts that they ask. In host_limits: when the next request to a host may go, and
-- until when it asks to be left alone. In proxy_health: how often in a row a proxy failed (host is empty), or was refused by a host,
-- and when it may be tried again. In proxy_rests: when a proxy may ask a root domain again
CREATE TABLE host_limits (
    host VARCHAR(255) NOT NULL PRIMARY KEY,
    next_at DATETIME(6) NOT NULL,
    alone_until DATETIME(6) NULL
) ENGINE=InnoDB COLLATE utf8mb4_nopad_bin;

CREATE TABLE proxy_health (
    proxy VARCHAR(255) NOT NULL,
    host VARCHAR(255) NOT NULL,
    strikes BIGINT NOT NULL,
    free_at DATETIME(6) NOT NULL,
    reason LONGTEXT NOT NULL,
    PRIMARY KEY (proxy, host)
) ENGINE=InnoDB COLLATE utf8mb4_nopad_bin;

CREATE TABLE proxy_rests (
    domain VARCHAR(255) NOT NULL,
    proxy VARCHAR(255) NOT NULL,
    free_at DATETIME(6) NOT NULL,
    PRIMARY KEY (domain, proxy)
) ENGINE=InnoDB COLLATE utf8mb4_nopad_bin;
