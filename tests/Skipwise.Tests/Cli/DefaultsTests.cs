using System.CommandLine;
using System.Text;
using Skipwise.Cli.Flags;

namespace Skipwise.Tests.Cli;

/// <summary>
/// The defaults of all options: a run that leaves them out is to be repeated by any later release, and published numbers name them. A
/// change is deliberate if Golden/defaults.txt changes with it.
/// </summary>
public sealed class DefaultsTests
{
    [Fact]
    public void Every_default_is_the_published_one()
    {
        var found = new StringBuilder();
        foreach (Verb verb in VerbList.All.OrderBy(verb => verb.Path, StringComparer.Ordinal))
        {
            foreach (Option option in verb.Options.OrderBy(option => option.Name, StringComparer.Ordinal))
            {
                if (option is ISetting { DefaultText: { } text } && text != "false")
                {
                    found.Append(verb.Path).Append(' ').Append(option.Name).Append(' ').Append(text).Append('\n');
                }
            }
        }
        Assert.Equal(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Golden", "defaults.txt")), found.ToString());
    }
}
