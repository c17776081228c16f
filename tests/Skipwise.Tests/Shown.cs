using Snapshooter;
using Snapshooter.Xunit3;

namespace Skipwise.Tests;

/// <summary>
/// Compares what people read with a text in <c>tests/Skipwise.Tests/__snapshots__</c>. A text that differs is written to
/// <c>__mismatch__</c> in it; if it is right, it replaces the old one. A text that is missing is a failure too; with
/// <c>SNAPSHOOTER_STRICT_MODE=off</c> it is written.
/// </summary>
internal static class Shown
{
    /// <param name="name">the file, without its extension</param>
    /// <param name="folders">folders of this machine, which are replaced by their last name</param>
    public static void Equal(string name, string text, params string[] folders) =>
        EqualIn(Path.Combine(HouseRulesTests.Root(), "tests", "Skipwise.Tests"), name,
            folders.Aggregate(text, (shown, folder) => shown.Replace(folder, Path.GetFileName(folder), StringComparison.Ordinal)));

    internal static void EqualIn(string folder, string name, string text) =>
        Snapshot.Match(text.ReplaceLineEndings("\n"), new SnapshotFullName($"{name}.snap", folder));
}
