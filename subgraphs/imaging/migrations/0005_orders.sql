-- The imaging order that an image is acquired for, as its uploader says. Orders are of another part of the system, which knows
-- of the image when the acquisition is complete.
ALTER TABLE imaging.medical_image ADD COLUMN order_id uuid;
