//! E-mail to the admin: composed, spooled, sent.
