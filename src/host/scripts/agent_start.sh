# Lets systemd run a migration's stages, also after a restart of the host. Parameters: BIN, FOLDER, STATE_MOUNT.
cat >/etc/systemd/system/infra-migrate.service <<EOF
[Unit]
Description=infra migrate
After=docker.service network-online.target
Wants=network-online.target
${STATE_MOUNT:+RequiresMountsFor=$STATE_MOUNT}

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
