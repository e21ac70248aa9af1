//! TLS for the services of the bundle: certificate files, their creation and their reload.
