-- When an alarm went beyond this machine's file of notifications, or was found to go nowhere.
ALTER TABLE notification ADD COLUMN sent INTEGER;
UPDATE notification SET sent = coalesce(delivered, created);
CREATE INDEX notification_unsent ON notification (id) WHERE sent IS NULL;
