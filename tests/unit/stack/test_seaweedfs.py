"""What is waited for until the store counts as there."""

from pathlib import Path

from nightshift.s3.client import connect
from nightshift.stack.seaweedfs import BUCKETS, create_buckets
from tests import careless


def test_an_object_whose_answer_is_cut_keeps_no_other_from_being_served(tmp_path: Path) -> None:
    with careless.s3() as server:
        settings = server.settings(tmp_path)
        create_buckets(connect(settings, attempts=1))
        client = connect(settings, attempts=1)
        # A byte, of which half is none.
        client.put_object(Bucket=BUCKETS[0], Key="a", Body=b"x")

        def only_objects(environ, start, store):
            is_of_object = environ["PATH_INFO"].endswith("/a")
            return (careless.cut if is_of_object else careless.honest)(environ, start, store)

        server.hand = only_objects
        create_buckets(client)
