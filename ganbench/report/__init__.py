"""Reports: tables and pictures made from a leaderboard."""
