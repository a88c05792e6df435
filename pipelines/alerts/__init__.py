"""Alerts: gathered from the published marts, remembered in the control database, delivered to places that the settings name."""
