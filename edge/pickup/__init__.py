"""From code to hand-over: grants, the resident's session, the keeper's put-in and desk."""
