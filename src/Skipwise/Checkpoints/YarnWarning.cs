namespace Skipwise.Checkpoints;

/// <summary>
/// "yarn" in a config.json means the published YaRN. The original PoSE repository wrote the same word for something else: for Llama and
/// Baichuan a revision of the formula, for GPT-J a fixed original length. Nothing is guessed; files that look like its own get a warning.
/// </summary>
internal static class YarnWarning
{
    private static readonly string[] s_originalsKeys = ["type", "factor", "original_max_position_embeddings"];

    /// <returns>null if the file does not look like one of the original's</returns>
    public static string? Of(JsonSection root, ModelFamily family)
    {
        if (root.Section("rope_scaling") is not { } rope || rope.OptionalString("type") != "yarn" || rope.Json.Any(pair => !s_originalsKeys.Contains(pair.Key)))
        {
            return null;
        }
        int window = root.Positive("max_position_embeddings");
        if (!rope.Has("original_max_position_embeddings"))
        {
            return $"{root.File}: key rope_scaling: names no original_max_position_embeddings, so yarn stretches a window of {window} tokens. " +
                "The original repository's GPT-J code means 2048: say --rope-original-length if the base model's window was another";
        }
        return family.OriginalRevisesYarn && window == RopeConfigReader.Extended(rope.Positive("original_max_position_embeddings"), rope.Double("factor"))
            ? $"{root.File}: key rope_scaling: looks like the original PoSE repository's, whose yarn is another function than the published one: say --rope yarn-revised if the model comes from there"
            : null;
    }
}
