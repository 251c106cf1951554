"""The tables: accounts, the catalogue, arrivals and jobs."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.db.sky import Cube

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Make the tables."""
    op.execute(sa.schema.CreateSequence(sa.Sequence("archive_id_seq")))
    _make_accounts()
    _make_catalogue()
    _make_arrivals()


def _make_accounts() -> None:
    """Users, what they may see, and how they prove who they are."""
    op.create_table(
        "proposals",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("title", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposals")),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("username", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("password_hash", sa.String(), nullable=True),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("is_staff", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_superuser", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
    )
    op.create_index(
        "uq_users_email_lower", "users", [sa.literal_column("lower(email)")], unique=True
    )
    op.create_index(
        "uq_users_username_lower", "users", [sa.literal_column("lower(username)")], unique=True
    )
    op.create_table(
        "credentials",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("value_hash", sa.String(), nullable=False),
        sa.Column("value_encrypted", sa.LargeBinary(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_credentials_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credentials")),
        sa.UniqueConstraint("value_hash", name=op.f("uq_credentials_value_hash")),
    )
    op.create_index(op.f("ix_credentials_user_id"), "credentials", ["user_id"], unique=False)
    op.create_index(
        "uq_credentials_live_token",
        "credentials",
        ["user_id", "kind"],
        unique=True,
        postgresql_where=sa.text("revoked_at IS NULL"),
    )
    op.create_table(
        "proposal_memberships",
        sa.Column("proposal_id", sa.String(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["proposal_id"],
            ["proposals.id"],
            name=op.f("fk_proposal_memberships_proposal_id_proposals"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["users.id"],
            name=op.f("fk_proposal_memberships_user_id_users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("proposal_id", "user_id", name=op.f("pk_proposal_memberships")),
    )
    op.create_index(
        op.f("ix_proposal_memberships_user_id"), "proposal_memberships", ["user_id"], unique=False
    )


def _make_catalogue() -> None:
    """Files, frames, versions, headers and links."""
    op.create_table(
        "files",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("md5", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("crc32", sa.BigInteger(), nullable=False),
        sa.Column("content_type", sa.String(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("size_bytes >= 0", name=op.f("ck_files_size_not_negative")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_files")),
        sa.UniqueConstraint("key", name=op.f("uq_files_key")),
    )
    op.create_index(op.f("ix_files_md5"), "files", ["md5"], unique=False)
    op.create_index(op.f("ix_files_sha256"), "files", ["sha256"], unique=False)
    op.create_table(
        "frames",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("basename", sa.String(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("site", sa.String(), nullable=True),
        sa.Column("telescope", sa.String(), nullable=True),
        sa.Column("instrument", sa.String(), nullable=True),
        sa.Column("observation_type", sa.String(), nullable=True),
        sa.Column("image_type_raw", sa.String(), nullable=True),
        sa.Column("filter_name", sa.String(), nullable=True),
        sa.Column("exposure_s", sa.Double(), nullable=True),
        sa.Column("observed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("day_obs", sa.Date(), nullable=True),
        sa.Column("night", sa.Date(), nullable=True),
        sa.Column("object_name", sa.String(), nullable=True),
        sa.Column("proposal", sa.String(), nullable=True),
        sa.Column("request_text", sa.String(), nullable=True),
        sa.Column("request_id", sa.BigInteger(), nullable=True),
        sa.Column("observation_text", sa.String(), nullable=True),
        sa.Column("block_id", sa.BigInteger(), nullable=True),
        sa.Column("submitter", sa.String(), nullable=True),
        sa.Column("reduction_level", sa.Integer(), nullable=False),
        sa.Column("width_px", sa.BigInteger(), nullable=True),
        sa.Column("height_px", sa.BigInteger(), nullable=True),
        sa.Column("x_binning", sa.Integer(), nullable=True),
        sa.Column("y_binning", sa.Integer(), nullable=True),
        sa.Column("airmass", sa.Double(), nullable=True),
        sa.Column("telescope_altitude_deg", sa.Double(), nullable=True),
        sa.Column("telescope_azimuth_deg", sa.Double(), nullable=True),
        sa.Column("focus", sa.Double(), nullable=True),
        sa.Column("sun_altitude_deg", sa.Double(), nullable=True),
        sa.Column("sun_distance_deg", sa.Double(), nullable=True),
        sa.Column("moon_altitude_deg", sa.Double(), nullable=True),
        sa.Column("moon_fraction", sa.Double(), nullable=True),
        sa.Column("moon_distance_deg", sa.Double(), nullable=True),
        sa.Column("data_mean", sa.Double(), nullable=True),
        sa.Column("ra_deg", sa.Double(), nullable=True),
        sa.Column("dec_deg", sa.Double(), nullable=True),
        sa.Column("x", sa.Double(), nullable=True),
        sa.Column("y", sa.Double(), nullable=True),
        sa.Column("z", sa.Double(), nullable=True),
        sa.Column("area", sa.ARRAY(sa.Double()), nullable=True),
        sa.Column("area_box", Cube(), nullable=True),
        sa.Column("public_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_internal", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=True),
        sa.Column("has_catalog", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint(
            "(area IS NULL) = (area_box IS NULL)", name=op.f("ck_frames_area_with_box")
        ),
        sa.CheckConstraint(
            "(ra_deg IS NULL) = (dec_deg IS NULL) AND (ra_deg IS NULL) = (x IS NULL)",
            name=op.f("ck_frames_whole_position"),
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["users.id"], name=op.f("fk_frames_owner_id_users"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_frames")),
        sa.UniqueConstraint("basename", name=op.f("uq_frames_basename")),
    )
    op.create_index(
        "ix_frames_area_box", "frames", ["area_box"], unique=False, postgresql_using="gist"
    )
    op.create_index(op.f("ix_frames_block_id"), "frames", ["block_id"], unique=False)
    op.create_index(op.f("ix_frames_day_obs"), "frames", ["day_obs"], unique=False)
    op.create_index(op.f("ix_frames_filter_name"), "frames", ["filter_name"], unique=False)
    op.create_index(op.f("ix_frames_instrument"), "frames", ["instrument"], unique=False)
    op.create_index(op.f("ix_frames_night"), "frames", ["night"], unique=False)
    op.create_index(op.f("ix_frames_object_name"), "frames", ["object_name"], unique=False)
    op.create_index(
        op.f("ix_frames_observation_text"), "frames", ["observation_text"], unique=False
    )
    op.create_index(
        op.f("ix_frames_observation_type"), "frames", ["observation_type"], unique=False
    )
    op.create_index(
        "ix_frames_observed_at_id",
        "frames",
        [sa.literal_column("observed_at DESC NULLS LAST"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(
        "ix_frames_position",
        "frames",
        [sa.literal_column("cube(cube(cube(x), y), z)")],
        unique=False,
        postgresql_using="gist",
    )
    op.create_index(op.f("ix_frames_proposal"), "frames", ["proposal"], unique=False)
    op.create_index(op.f("ix_frames_public_at"), "frames", ["public_at"], unique=False)
    op.create_index(op.f("ix_frames_request_id"), "frames", ["request_id"], unique=False)
    op.create_index(op.f("ix_frames_request_text"), "frames", ["request_text"], unique=False)
    op.create_index(op.f("ix_frames_site"), "frames", ["site"], unique=False)
    op.create_index(op.f("ix_frames_telescope"), "frames", ["telescope"], unique=False)
    op.create_table(
        "frame_links",
        sa.Column("frame_id", sa.BigInteger(), nullable=False),
        sa.Column("basename", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["frame_id"],
            ["frames.id"],
            name=op.f("fk_frame_links_frame_id_frames"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("frame_id", "basename", name=op.f("pk_frame_links")),
    )
    op.create_index(op.f("ix_frame_links_basename"), "frame_links", ["basename"], unique=False)
    op.create_table(
        "frame_versions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("frame_id", sa.BigInteger(), nullable=False),
        sa.Column("file_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("extension", sa.String(), nullable=False),
        sa.Column("received_name", sa.String(), nullable=False),
        sa.Column("received_size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("received_md5", sa.String(), nullable=False),
        sa.Column("received_sha256", sa.String(), nullable=False),
        sa.Column("repairs", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("science_hdu", sa.Integer(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["file_id"], ["files.id"], name=op.f("fk_frame_versions_file_id_files")
        ),
        sa.ForeignKeyConstraint(
            ["frame_id"],
            ["frames.id"],
            name=op.f("fk_frame_versions_frame_id_frames"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_frame_versions")),
        sa.UniqueConstraint("file_id", name=op.f("uq_frame_versions_file_id")),
        sa.UniqueConstraint("key", name=op.f("uq_frame_versions_key")),
        sa.UniqueConstraint("received_sha256", name=op.f("uq_frame_versions_received_sha256")),
    )
    op.create_index(
        op.f("ix_frame_versions_frame_id"), "frame_versions", ["frame_id"], unique=False
    )
    op.create_index(
        op.f("ix_frame_versions_received_md5"), "frame_versions", ["received_md5"], unique=False
    )
    op.create_table(
        "frame_headers",
        sa.Column("version_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hdus", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["frame_versions.id"],
            name=op.f("fk_frame_headers_version_id_frame_versions"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("version_id", name=op.f("pk_frame_headers")),
    )


def _make_arrivals() -> None:
    """Every file that ever came in, and the work that waits."""
    op.create_table(
        "jobs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("payload", postgresql.JSONB(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column(
            "run_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("leased_by", sa.String(), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
    )
    op.create_index("ix_jobs_queue", "jobs", ["priority", "run_at", "id"], unique=False)
    op.create_table(
        "arrivals",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("filename", sa.String(), nullable=False),
        sa.Column("source_path", sa.String(), nullable=True),
        sa.Column("source_identity", sa.String(), nullable=True),
        sa.Column("held_path", sa.String(), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("frame_id", sa.BigInteger(), nullable=True),
        sa.Column("owner_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["frame_id"],
            ["frames.id"],
            name=op.f("fk_arrivals_frame_id_frames"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["users.id"], name=op.f("fk_arrivals_owner_id_users"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_arrivals")),
    )
    op.create_index(op.f("ix_arrivals_frame_id"), "arrivals", ["frame_id"], unique=False)
    op.create_index(op.f("ix_arrivals_source_path"), "arrivals", ["source_path"], unique=False)
    op.create_index(op.f("ix_arrivals_state"), "arrivals", ["state"], unique=False)
    op.create_index(
        "uq_arrivals_open_source",
        "arrivals",
        ["source", "source_path"],
        unique=True,
        postgresql_where=sa.text("source_path IS NOT NULL AND state IN ('waiting', 'running')"),
    )


def downgrade() -> None:
    """Drop the tables, and all that is in them."""
    for table in (
        "frame_links", "frame_headers", "frame_versions", "arrivals", "frames", "files", "jobs",
        "proposal_memberships", "credentials", "proposals", "users",
    ):  # fmt: skip
        op.drop_table(table)
    op.execute(sa.schema.DropSequence(sa.Sequence("archive_id_seq")))
