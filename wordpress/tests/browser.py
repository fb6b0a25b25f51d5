"""A person in front of the admin, as far as forms go."""

import urllib.parse
import urllib.request


class Browser:
    """Logs in, reads pages, presses buttons."""

    def __init__(self, url, user="admin", password="a-password-of-a-test"):
        self.url = url
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        self.get("/wp-login.php")
        self.post("/wp-login.php", {"log": user, "pwd": password, "testcookie": "1"})

    def get(self, path):
        return self.opener.open(self.url + path, timeout=60).read().decode()

    def post(self, path, form):
        return self.opener.open(self.url + path, urllib.parse.urlencode(form).encode(), timeout=60).read().decode()

    def order(self, page, what, **values):
        """Presses a button of a page of the plugin."""
        form = next(part for part in page.split("<form")[1:] if f'name="what" value="{what}"' in part)
        nonce = form.split('name="_wpnonce" value="', 1)[1].split('"', 1)[0]
        order = {"action": "livelist_sync_order", "what": what, "_wpnonce": nonce, **values}
        return self.post("/wp-admin/admin-post.php", order)

    def publish(self, post):
        """Saves one post in the classic form of the editor, as published."""
        page = self.get(f"/wp-admin/post.php?post={post}&action=edit")
        form = {"action": "editpost", "post_ID": str(post), "post_status": "publish", "publish": "Publish"}
        # Without the content: the editor may be one of blocks.
        form |= {name: value(page, name) for name in ("_wpnonce", "post_type", "post_title")}
        return self.post("/wp-admin/post.php", form)


def value(page, name):
    """What a field of a form holds."""
    part = page.split(f'name="{name}"', 1)
    return part[1].split('value="', 1)[1].split('"', 1)[0] if len(part) == 2 else ""
