"""What people see of a night in Airflow: pages, their overview, links."""
