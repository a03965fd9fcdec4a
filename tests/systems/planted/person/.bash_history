ls -la
ssh @USER@@nas.home.arpa
sudo systemctl restart acme-agent
