"""The migrations, one .sql file each. One that was released is never changed."""
