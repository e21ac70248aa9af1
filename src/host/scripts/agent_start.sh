# Lets systemd run a migration's stages, also after a restart of the host. Parameters: BIN, FOLDER, PLAN, HOST,
# STATE.
state_is_there
cat >/etc/systemd/system/infra-migrate.service <<EOF
[Unit]
Description=infra migrate
After=docker.service network-online.target
Wants=network-online.target
RequiresMountsFor=$(readlink -f "$STATE")

[Service]
Environment=INFRA_LOG=infra=warn
ExecStart=$BIN agent migrate $FOLDER
Restart=on-failure
RestartSec=2

[Install]
WantedBy=multi-user.target
EOF
systemctl daemon-reload
systemctl enable --quiet infra-migrate.service
systemctl start infra-migrate.service
