"""Every way in: routes, authentication, problems, settings, commands, timers and migrations. Never a rule of the trade."""
