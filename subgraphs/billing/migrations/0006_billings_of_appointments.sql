-- Appointment.billings.
CREATE INDEX billing_of_appointment ON billing.billing (appointment_id) WHERE appointment_id IS NOT NULL;
