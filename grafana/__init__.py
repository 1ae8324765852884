"""What Grafana needs: provisioning, the dashboards, and the code that they are made by."""
