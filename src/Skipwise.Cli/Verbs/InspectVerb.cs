using Skipwise.Cli.Display;
using Skipwise.Cli.Flags;

namespace Skipwise.Cli.Verbs;

/// <summary><c>skipwise inspect</c>: a model's page, and the verbs that look closer.</summary>
internal static class InspectVerb
{
    public static Verb Create(Screen screen)
    {
        var verb = new Verb("inspect", "Show models and training windows.",
            """
            skipwise inspect --model llama-2-7b
            skipwise inspect --model llama-2-7b --rope yarn --rope-factor 8
            skipwise inspect --model llama-2-7b --json
            """)
        {
            InspectModelVerb.Create(screen),
            InspectTensorsVerb.Create(screen),
            InspectRopeVerb.Create(screen),
            InspectPlanVerb.Create(screen),
        };
        InspectModelVerb.ShowsModel(verb, screen);
        return verb;
    }
}
