namespace Skipwise.Hub;

/// <summary>Finds the folder of a model or an adapter that a user names.</summary>
internal static class ModelFolder
{
    /// <summary>The path of a model: what exists under that name, else the folder of a model of the hub that is in its cache.</summary>
    /// <param name="model">a path, or <c>ORG/NAME[@REVISION]</c></param>
    /// <returns>the path unchanged if it exists, or can be no name of the hub: whoever opens it says what is missing</returns>
    /// <exception cref="SkipwiseException">there is neither such a path nor such a model in the cache</exception>
    public static string Resolve(string model)
    {
        if (Path.Exists(model) || HubModelId.TryParse(model) is not { } id)
        {
            return model;
        }
        string cache = HubSettings.CacheOfThisProcess();
        bool isPath = model.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase) || Directory.Exists(Path.GetDirectoryName(model));
        return HubCache.Find(cache, id) ?? (isPath ? model
            : throw new SkipwiseException(
                $"{model}: there is no such folder, and no model of that name in the Hugging Face cache ({cache}). Check the path, or " +
                $"fetch the model with 'skipwise pull {id}'"));
    }
}
