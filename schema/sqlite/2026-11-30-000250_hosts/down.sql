DROP TABLE proxy_rests;
DROP TABLE proxy_health;
DROP TABLE host_limits;
